import type { DescField } from "@bufbuild/protobuf";
import { PositionSchema } from "@confab/contract/gen/confab/v1/message_pb";

/** A field as a parameter of a URL. */
export interface QueryField {
  readonly name: string;
  readonly field: DescField;
}

/**
 * Fields of a request in the names that a URL has for them: those of a message within it have their own parameters, such as
 * `filter.users`. A position is one parameter, a text.
 */
export function queryFields(fields: readonly DescField[], within = ""): readonly QueryField[] {
  return fields.flatMap((field) => {
    const name = within + field.name;
    const isMessage = field.fieldKind === "message" && field.message.typeName !== PositionSchema.typeName;
    return isMessage ? queryFields(field.message.fields, `${name}.`) : [{ name, field }];
  });
}
