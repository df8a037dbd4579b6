// The smallest service: shows that the libraries are there.
const app = require("express")();
app.get("/health", (_request, response) => response.json({ status: "ok" }));
app.listen(process.env.PORT, "127.0.0.1", () => console.log("listening"));
