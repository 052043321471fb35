import { benchRows } from "./bench-row.js";

benchRows("packages");
