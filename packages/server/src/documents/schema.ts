/** A JSON Schema of draft 2020-12, kept to what draft-07 has too, so that AsyncAPI takes it as OpenAPI does. */
export type JsonSchema = { readonly [keyword: string]: unknown };
