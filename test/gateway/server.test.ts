import { expect, test } from 'vitest';
import { answerAsked, hi, post, running, twoProviders, upstream } from './harness.ts';

test('a plain answer passes with the headers that say who gave it', async () => {
  await using provider = await upstream(answerAsked);
  await using gateway = await running(twoProviders(provider.url, provider.url));
  const response = await post(gateway.url, hi, { 'x-request-id': 'mine-1', 'x-hindcast-tag-team': 'red', 'x-hindcast-conversation': 'c1' });
  console.log(response.status, Object.fromEntries(response.headers), await response.text());
  const s = await post(gateway.url, { ...hi, stream: true });
  console.log(s.status, Object.fromEntries(s.headers), await s.text());
  console.log(await (await fetch(gateway.url + '/metrics')).text());
  console.log(
    await (await fetch(gateway.url + '/v1/models')).text(),
    await (await fetch(gateway.url + '/v1/models/A%2Ffast')).text(),
    await (await fetch(gateway.url + '/v1/models/A/fast')).text(),
    await (await fetch(gateway.url + '/ready')).text(),
  );
  console.log(
    await (await fetch(gateway.url + '/nope')).text(),
    await (await fetch(gateway.url + '/%zz')).text(),
    await (await fetch(gateway.url + '/chat/completions')).text(),
  );
});
