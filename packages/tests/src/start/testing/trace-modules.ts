// `node --import` this file: each module that the program imports is a line of the file that CONFAB_TRACE_MODULES names.
import { register } from "node:module";

register(new URL("./trace-hooks.js", import.meta.url), { data: process.env["CONFAB_TRACE_MODULES"] });
