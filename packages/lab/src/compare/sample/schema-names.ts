/**
 * Names that a message's fields and nested types may have: they share one scope in `.proto` files, and generated code and
 * default JSON names put fields in camel case, where `foo_bar` and `fooBar` are one. So no two differ by less than letters
 * and digits, whatever their case. `taken` has those of the message so far.
 */
function unique(base: string, taken: Set<string>): string {
  let name = base;
  for (let number = 2; taken.has(folded(name)); number += 1) name = `${base}_${number}`;
  taken.add(folded(name));
  return name;
}

function folded(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** A field's name for a JSON key: what `.proto` files allow of it, or `field` if that is nothing. */
export function fieldNameOf(key: string, taken: Set<string>): string {
  const allowed = key.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  return unique(allowed === "" ? "field" : allowed.replace(/^(?![A-Za-z])/, "f_"), taken);
}

/** The name of the type that is made for a field. */
export function typeNameOf(fieldName: string, taken: Set<string>): string {
  const pascal = fieldName.replace(/(?:^|_)([A-Za-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
  return unique(`${pascal}Value`, taken);
}
