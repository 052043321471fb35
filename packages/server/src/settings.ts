// What a command needs that describes, checks and shows a server's options.
export {
  type CertificateUserPlace,
  certificateUserPlaces,
  defaultCertificateUserPlaces,
} from "./identity/index.js";
export type { CertificateFacts } from "./server/certificate.js";
export { defaultRetention } from "./server/config.js";
export { isLocalOnly } from "./server/hosts.js";
export { type RuleBound, roomRulesFrom } from "./server/room-rules.js";
export { serverVersion } from "./server/version.js";
export { callerKinds } from "./service/index.js";
