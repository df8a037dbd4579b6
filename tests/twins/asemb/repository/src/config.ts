export const config = {
  databaseUrl: process.env.DATABASE_URL,
  redis: { host: process.env.REDIS_HOST, port: process.env.REDIS_PORT, db: process.env.REDIS_DB },
  corsOrigin: process.env.CORS_ORIGIN,
  jwtSecret: process.env.JWT_SECRET,
  jwtRefreshSecret: process.env.JWT_REFRESH_SECRET,
  openaiApiKey: process.env.OPENAI_API_KEY,
  port: Number(process.env.PORT ?? 8083),
  production: process.env.NODE_ENV === "production",
};
