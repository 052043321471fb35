import { type ErrorCode, errorKinds, errorMeanings } from "@confab/contract";

/** What an operation does, as far as that decides how it can fail. */
export interface OperationTraits {
  readonly hasBody: boolean;
  readonly takesPosition: boolean;
  readonly expectsPosition: boolean;
  readonly stores: boolean;
}

/** An OpenAPI Responses Object: for each HTTP status the errors of the catalogue that come with it. */
export function errorResponses(traits: OperationTraits, content: object): Readonly<Record<string, object>> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codesOf(traits)) {
    const { http } = errorKinds[code];
    byStatus.set(http, [...(byStatus.get(http) ?? []), code]);
  }
  const responses: Record<string, object> = {};
  for (const [status, codes] of byStatus) {
    responses[status] = {
      description: codes.map((code) => `${code}: ${errorMeanings[code]}`).join(". "),
      content,
    };
  }
  return { ...responses, default: { description: "Any other error of the catalogue", content } };
}

function codesOf({ hasBody, takesPosition, expectsPosition, stores }: OperationTraits): readonly ErrorCode[] {
  return [
    "MALFORMED_MESSAGE",
    "INVALID_MESSAGE",
    ...(hasBody
      ? (["REQUEST_TIMEOUT", "PAYLOAD_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "UNSUPPORTED_COMPRESSION"] as const)
      : []),
    ...(takesPosition ? (["OUT_OF_RANGE"] as const) : []),
    ...(expectsPosition ? (["UNEXPECTED_POSITION"] as const) : []),
    "INTERNAL",
    ...(stores ? (["OVERLOADED", "OUTCOME_UNKNOWN"] as const) : []),
    "ENGINE_UNAVAILABLE",
    "SHUTTING_DOWN",
    ...(stores ? (["STORAGE_FULL", "TOO_MANY_ROOMS"] as const) : []),
  ];
}
