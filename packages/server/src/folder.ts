// The data folder of a server that runs in another process.
export { type FolderHistory, openFolderHistory } from "./server/folder-history.js";
