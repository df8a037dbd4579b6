/** The address of the API. */
export const base: string = import.meta.env.VITE_API_URL;
