/** A JWT, wherever it stands: in the text of an error of a library, in a URL, after `confab.token.`. */
const token = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;

/** The user and password of a URL. */
const userOfUrl = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s"'/?#@]*@/gi;

/** The query of a URL: it may hold a token. A backslash ends it, which in JSON may belong to a quote. */
const queryOfUrl = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s"'?#]*)\?[^\s"'#\\]*/gi;

/** A line of a log without what must not be in it. */
export function withoutSecrets(line: string): string {
  return line.replace(token, "(token)").replace(userOfUrl, "$1(hidden)@").replace(queryOfUrl, "$1?(hidden)");
}
