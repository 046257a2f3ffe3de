/** A request as a command. Pure. */

const paths: Readonly<Record<string, string>> = {
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  'anthropic-messages': '/v1/messages',
  anthropic: '/v1/messages',
};

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export function curlOf(origin: string, dialect: string, operation: string, body: string): string {
  const path = paths[dialect] ?? (operation === 'embeddings' ? '/v1/embeddings' : '/v1/chat/completions');
  return [
    `curl ${origin}${path}`,
    "-H 'content-type: application/json'",
    '-H "authorization: Bearer $HINDCAST_KEY"',
    `-d ${quoted(body)}`,
  ].join(' \\\n  ');
}
