// Keys and tokens, for programs that make or explain them.
export {
  fixedKeys,
  KeyError,
  keysFromFile,
  secretIn,
  type TokenRules,
  TokenVerifier,
  type VerificationKey,
} from "./identity/index.js";
export { RuleError, rulesFrom } from "./service/index.js";
