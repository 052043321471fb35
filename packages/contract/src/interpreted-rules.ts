import { create, createRegistry, type DescMessage, type MessageShape, type Registry } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import type { Violation } from "./errors.js";
import { file_confab_v1_rules } from "./gen/confab/v1/rules_pb.js";
import { shortened } from "./validation.js";

// For payload types, whose rules may be any: only a server that was started with some loads it.

// The contract's rules for several fields are extensions, which the validator finds here.
const validator = createValidator({ registry: createRegistry(file_confab_v1_rules) });

/** The constraints that a message breaks, as its type has them; empty when there are none. */
export function interpretedViolations<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
): Violation[] {
  const result = validator.validate(schema, shortened(schema, message));
  if (result.kind === "valid") return [];
  // The rules are compiled from our own contract and reviewed payload types: a rule that cannot run is a bug there.
  if (result.kind === "error") throw result.error;
  return result.violations.map((violation) => ({
    field: pathToString(violation.field),
    rule: violation.ruleId,
    message: violation.message,
  }));
}

/** Compile the rules of all messages now, which takes a third of a second, and not when the first message of a type comes. */
export function compileRules(types: Registry): void {
  for (const type of types) if (type.kind === "message") validator.validate(type, create(type));
}
