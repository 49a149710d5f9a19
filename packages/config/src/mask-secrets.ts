/** What must not be shown of a configuration. */

const MASK = '***';
const SECRET_KEY = /secret|password|token|credential|api_?key/i;
/** `scheme://user:password@host`, wherever it stands in a text. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s/?#:@]*):[^\s/?#]*@/gi;

/** The value with its secrets replaced: all of it where the key says so, else passwords of URLs. */
export function maskSecrets(key: string, value: string): string {
  if (SECRET_KEY.test(key)) return MASK;
  return value.replaceAll(URL_PASSWORD, `$1:${MASK}@`);
}
