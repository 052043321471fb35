import { byPlainHttp } from "./testing/forms.js";
import { hookSuite } from "./testing/hook-suite.js";

hookSuite(byPlainHttp);
