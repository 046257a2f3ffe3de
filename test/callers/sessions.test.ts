/** Agents and clients name their session in their own way, and it becomes the conversation; a value that much traffic carries does not. */
import { expect, test } from 'vitest';
import { namedSessionOf, SessionShares } from '../../gateway/http/reading/conversation.ts';
import { respondJson, startGateway, startUpstream } from '../gateway/harness.ts';

const id = '58e70cf6-3d87-496f-b9fe-57d8e7175256';

test.each<[string, Record<string, string>, object, string | undefined]>([
  ['Claude Code', { 'x-claude-code-session-id': id }, {}, id],
  ['Claude Code, by its user', { 'user-agent': 'claude-cli/2' }, { metadata: { user_id: `{"device_id":"d","session_id":"${id}"}` } }, id],
  ['Claude Code, older', {}, { metadata: { user_id: `user_ab_account__session_${id}` } }, id],
  ['Codex', { 'user-agent': 'codex_exec/0.171.0', 'session-id': id }, { prompt_cache_key: 'other' }, id],
  ['Codex, by its body', { originator: 'codex_cli_rs' }, { client_metadata: { session_id: id } }, id],
  ['OpenCode', { 'user-agent': 'opencode/1.4.2' }, { prompt_cache_key: 'ses_3f' }, 'ses_3f'],
  ['OpenCode, by its header', { 'x-opencode-session': 'ses_3f' }, {}, 'ses_3f'],
  ['a client of metadata', {}, { metadata: { session_id: 's-1' } }, 's-1'],
  ['OpenRouter', {}, { session_id: 's-2' }, 's-2'],
  ['a cache key that is a UUID', {}, { prompt_cache_key: id }, id],
  ['a cache key that is a name', {}, { prompt_cache_key: 'my-app' }, undefined],
  ['a header that means something else', { 'session-id': id }, {}, undefined],
  ['nothing', {}, { metadata: { user_id: 'ada' } }, undefined],
])('%s', (_, headers, body, expected) => expect(namedSessionOf(headers, body as never)?.id).toBe(expected));

test('a value that more than 5 % of a route’s requests carry names no conversation', () => {
  const shares = new SessionShares();
  const judged = Array.from({ length: 1_000 }, (_, i) => {
    shares.isConversation('r', `s-${i}`);
    return shares.isConversation('r', 'everyone');
  });
  expect(judged.at(-1)).toBe(false);
  expect(shares.isConversation('r', 's-1000')).toBe(true);
  expect(shares.isConversation('another', 'everyone')).toBe(true);
});

test('the session is the conversation of the record, unless the caller gives one', async () => {
  await using upstream = await startUpstream(respondJson);
  await using gateway = await startGateway(`providers: { o: { api: openai, base_url: "${upstream.url}", key: k, allow_private: true } }`);
  const ask = async (headers: Record<string, string>): Promise<string> => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'o/m', messages: [{ role: 'user', content: 'hi' }] }),
    });
    await answer.text();
    return (await gateway.sink.next()).caller.conversation;
  };
  expect(await ask({ 'x-claude-code-session-id': id })).toBe(id);
  expect(await ask({ 'x-claude-code-session-id': id, 'x-hindcast-conversation': 'mine' })).toBe('mine');
  expect(await ask({})).toBe('');
});
