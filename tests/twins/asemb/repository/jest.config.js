module.exports = {
  preset: "ts-jest",
  coverageReporters: ["lcov"],
  coverageThreshold: { global: { statements: 75 } },
};
