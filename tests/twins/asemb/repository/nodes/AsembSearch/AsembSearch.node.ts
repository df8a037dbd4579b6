export class AsembSearch {
  description = { displayName: "ASEMB search", name: "asembSearch", group: ["transform"], version: 1 };
}
