import type { DescFile, DescService, Registry } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";

/** A file, then everything it imports, each once. */
export function withDependencies(file: DescFile, seen = new Set<DescFile>()): Set<DescFile> {
  seen.add(file);
  for (const dependency of file.dependencies) {
    if (!seen.has(dependency)) withDependencies(dependency, seen);
  }
  return seen;
}

/** Finds files by what is in them. */
export class DescriptorIndex {
  private readonly files = new Set<DescFile>();
  /** By the full name of everything that has one. */
  private readonly bySymbol = new Map<string, DescFile>();

  constructor(
    private readonly services: readonly DescService[],
    registry: Registry,
  ) {
    for (const { file } of services) withDependencies(file, this.files);
    for (const type of registry) withDependencies(type.file, this.files);
    for (const file of this.files) {
      for (const symbol of symbolsOf(file)) this.bySymbol.set(symbol, file);
    }
  }

  serviceNames() {
    return this.services.map(({ typeName }) => ({
      $typeName: "grpc.reflection.v1.ServiceResponse" as const,
      name: typeName,
    }));
  }

  fileNamed(name: string): DescFile | undefined {
    // `DescFile.name` goes without the suffix that the wire has.
    return [...this.files].find((file) => file.proto.name === name);
  }

  /** The file that defines a service, method, message, field, oneof, enum, value of an enum, or extension. */
  fileWith(symbol: string): DescFile | undefined {
    return this.bySymbol.get(symbol);
  }

  fileWithExtension(typeName: string, number: number): DescFile | undefined {
    return [...this.files].find((file) =>
      extensionsOf(file).some((each) => each.extendee.typeName === typeName && each.number === number),
    );
  }

  extensionNumbers(typeName: string): number[] {
    return [...this.files].flatMap((file) =>
      extensionsOf(file)
        .filter((extension) => extension.extendee.typeName === typeName)
        .map(({ number }) => number),
    );
  }
}

/** The extensions of a file, also those declared within a message. */
function extensionsOf(file: DescFile) {
  return [...nestedTypes(file)].filter((type) => type.kind === "extension");
}

function* symbolsOf(file: DescFile): Generator<string> {
  for (const named of nestedTypes(file)) {
    yield named.typeName;
    switch (named.kind) {
      case "message":
        for (const { name } of [...named.fields, ...named.oneofs]) yield `${named.typeName}.${name}`;
        break;
      case "enum": {
        // Values stand beside their enum and not within it (protobuf.dev/programming-guides/enum).
        const scope = named.typeName.slice(0, -named.name.length);
        for (const { name } of named.values) yield scope + name;
        break;
      }
      case "service":
        for (const { name } of named.methods) yield `${named.typeName}.${name}`;
        break;
      case "extension":
        break;
      default: {
        named satisfies never;
      }
    }
  }
}
