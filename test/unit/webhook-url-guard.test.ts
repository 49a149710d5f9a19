/** Which webhook URLs are refused when they are stored, and by the connection when they are sent. */

import { once } from 'node:events';
import { CodedError } from '@amanuensis/contract';
import { describe, expect, test } from 'vitest';
import { UrlGuard } from '../../apps/api/src/webhooks/url-guard.ts';

const NAMES: Readonly<Record<string, string[]>> = {
  'public.example': ['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'],
  'private.example': ['10.0.0.1'],
  'mixed.example': ['93.184.216.34', '192.168.0.1'],
  'mixed6.example': ['93.184.216.34', 'fd00::1'],
  localhost: ['127.0.0.1', '::1'],
  'empty.example': [],
};
const guard = new UrlGuard({
  allowedHosts: ['127.0.0.1:9000', 'Hooks.internal:80', '[::1]:9001'],
  resolveAll: async (name) => {
    const addresses = NAMES[name];
    if (addresses === undefined) throw new Error('ENOTFOUND');
    return addresses.map((address) => ({ address }));
  },
});

test.each([
  'https://public.example/hook?x=1',
  'http://public.example:8080/',
  'https://93.184.216.34/',
  'https://[2606:2800:220:1:248:1893:25c8:1946]/',
  'http://127.0.0.1:9000/hook',
  'http://hooks.internal/',
  'http://HOOKS.internal:80/',
  'http://[::1]:9001/',
])('takes %s', async (url) => {
  await expect(guard.check(url)).resolves.toBeUndefined();
});

const REFUSED_LITERALS = [
  'http://127.0.0.1/',
  'http://127.0.0.1:9001/', // another port than the listed one
  'http://127.1/',
  'http://2130706433/', // decimal
  'http://0177.0.0.1/', // octal
  'http://0x7f.0.0.1/', // hexadecimal
  'http://0x7f000001/',
  'http://0.0.0.0/',
  'http://10.1.2.3/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://100.64.0.1/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://[::]/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/', // IPv4-mapped
  'http://[::ffff:7f00:1]/',
  'http://[64:ff9b::7f00:1]/', // NAT64
  'http://[2002:7f00:1::]/', // 6to4
  'http://[fe80::1]/',
  'http://[fd00::1]/',
  'http://①②⑦.⓪.⓪.①/', // the parser turns it into 127.0.0.1
];

test.each([
  ...REFUSED_LITERALS,
  'http://[::127.0.0.1]/', // IPv4-compatible
  'http://localhost/',
  'http://localhost.:80/',
  'https://private.example/',
  'https://mixed.example/',
  'https://mixed6.example/',
  'https://empty.example/',
  'https://unknown.example/',
  'ftp://public.example/',
  'file:///etc/passwd',
  'gopher://public.example/',
  'https://user:secret@public.example/',
  'https://public.example@127.0.0.1/',
  'http://user@127.0.0.1:9000/',
  '//public.example/',
  'public.example',
  '',
  `https://public.example/${'x'.repeat(2048)}`,
])('refuses %s', async (url) => {
  const refusal = guard.check(url);
  await expect(refusal).rejects.toThrow(CodedError);
  await expect(refusal).rejects.toMatchObject({ code: 'invalid_webhook_url' });
});

test('the refusal names what is wrong and no credentials', async () => {
  await expect(guard.check('https://user:secret@public.example/')).rejects.toThrow(
    'webhook_url: it must not carry credentials.',
  );
  await expect(guard.check('https://private.example/')).rejects.toThrow(
    'webhook_url: private.example is not a public address.',
  );
});

describe('the connection itself', () => {
  test.each(REFUSED_LITERALS)('refuses %s', async (text) => {
    const { url, request, agent } = guard.transport(text);
    const sent = request(url, { agent, timeout: 2_000 });
    const [error] = await once(sent, 'error');
    expect(String(error)).toMatch(/is not allowed/);
  });
});
