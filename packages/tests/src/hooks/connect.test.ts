import { byConnect } from "./testing/forms.js";
import { hookSuite } from "./testing/hook-suite.js";

hookSuite(byConnect);
