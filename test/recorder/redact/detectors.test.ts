import { expect, test } from 'vitest';
import { detectorNames } from '../../../gateway/config/schema/redact-schema.ts';
import { redactText } from '../../../recorder/redact/body.ts';
import { detectors } from '../../../recorder/redact/detectors.ts';
import { compileRules } from '../../../recorder/redact/rules.ts';

const all = compileRules(detectorNames.map(name => ({ name })));
const redact = (text: string) => redactText(text, all);

test('the configuration knows exactly the detectors there are', () => {
  expect([...detectorNames]).toEqual(Object.keys(detectors));
});

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const pem = '-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc=\n-----END RSA PRIVATE KEY-----';

test.each([
  ['email', 'write to bob.smith+x@mail.example.co.uk, please', 'write to [redacted:email], please'],
  ['email', '邮箱bob@例子.中国。', '邮箱[redacted:email]。'],
  ['email', '"a@b.de" and a@b are <c_d@e-f.org>', '"[redacted:email]" and a@b are <[redacted:email]>'],
  ['phone', 'call +49 (0)30 1234-5678 now', 'call [redacted:phone] now'],
  ['phone', 'call (555) 123-4567 or 555.123.4567', 'call [redacted:phone] or [redacted:phone]'],
  ['phone', 'Tel. 0171 1234567', 'Tel. [redacted:phone]'],
  ['card', 'card 4111 1111 1111 1111 12/27', 'card [redacted:card] 12/27'],
  ['card', '5500005555555559, 371449635398431', '[redacted:card], [redacted:card]'],
  ['card', 'on 2026 4111-1111-1111-1111', 'on 2026 [redacted:card]'],
  ['iban', 'IBAN DE89 3704 0044 0532 0130 00 thanks', 'IBAN [redacted:iban] thanks'],
  ['iban', 'gb82west12345698765432', '[redacted:iban]'],
  ['ip', 'from 192.168.0.17:8080 and 2001:db8::1.', 'from [redacted:ip]:8080 and [redacted:ip].'],
  ['secret', 'use sk-proj-abcdefghijklmnop1234 or AKIAIOSFODNN7EXAMPLE', 'use [redacted:secret] or [redacted:secret]'],
  ['secret', `Authorization: Bearer ${jwt}`, 'Authorization: [redacted:secret]'],
  ['secret', `token=${jwt};`, 'token=[redacted:secret];'],
  ['secret', `key:\n${pem}\nend`, 'key:\n[redacted:secret]\nend'],
  ['secret', 'ghp_abcdefghijklmnopqrstuvwxyz0123456789', '[redacted:secret]'],
])('%s is found in %j', (_, text, expected) => {
  expect(redact(text)).toBe(expected);
});

test.each([
  'version 1.2.3 and 10.20.30.40.50',
  'at 12:30:45, std::vector, a::b',
  'order 4111111111111112 and 1234567890123456',
  'GB82 WEST 1234 5698 7654 33',
  '2026-11-25T00:00:00Z, 1732492800123',
  '01890a5d-ac96-774b-bcce-b302099a8057',
  'an @ sign, user@host, @handle',
  'the sk- prefix and a basic internationalization',
  'pi is 3.14159265358979323846',
])('%j stays as it is', text => {
  expect(redact(text)).toBe(text);
});

test('texts made to be slow are not', () => {
  const started = performance.now();
  for (const unit of ['-eyJ', '4 ', '@', 'a@', '1.', 'a:', 'DE1', '-----BEGIN PRIVATE KEY-----', '+1 ', 'a.a@a.'])
    redact(unit.repeat(100_000 / unit.length));
  expect(performance.now() - started).toBeLessThan(5_000);
});
