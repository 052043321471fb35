export { builtCommit } from "../bench/targets/before.js";
