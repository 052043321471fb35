import { benchRows } from "./bench-row.js";

benchRows("programs");
