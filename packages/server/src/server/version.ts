/** The server's version, as `Welcome` and `--version` say it. A test holds it against package.json. */
export const serverVersion = "0.1.0";
