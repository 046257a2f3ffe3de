/** Rows on which provider and reference parser differ, with the reason. */
const joined = 'a fixture that joins several responses into one stream; only the first one is parsed';
const cut = 'a fixture whose deltas were cut out, while its last event still tells all; deltas are what a caller was shown';
const enumNumbers = 'asked with enum-encoding=int, which we never do: the finish reason is a number';
const novita = '[DONE] without a finish reason (Novita behind OpenRouter): truncated';
const snowflake = '[DONE] without a finish reason (Snowflake): truncated';
const empty = 'an empty body: nothing was answered';
const pieces =
  'arguments in pieces by JSON paths (partialArgs), which the plain reading does not put together; gemini-recordings.test.ts does';
const complete = 'asked without incremental_output, which we always ask for: every event tells the whole text so far';
const toolRefused = 'an error event: the model wrote a call that its tool does not take (Groq)';

export const exceptions: Readonly<Record<string, string>> = {
  '6b8f07d3171edd30': empty,
  '6e085dcca971104a': empty,
  '2bd60c27b5492231': empty,
  d090014228a51654: empty,
  cf45951676257f82: empty,
  c9080f16d64bd85d: empty,
  '274da1f31570d342': novita,
  '8ad2576cee391118': novita,
  bc249cd6d7f5013b: snowflake,
  e4b42590d5a1bc1f: snowflake,
  ce6bc9e9e7192c8b: 'an error event inside a 200: no quota',
  '5c4c90d731132c43': 'hand-made: a negative token count, taken for none',
  fda75cc537ef718e: 'hand-made: an event that is no JSON',
  '45f26ba6faf10d5a': 'an error with status 200: the content filter (Azure)',
  bdaaac53daf82e07: 'an error with status 200 (OpenRouter)',
  '6d515bc597604fbd': 'half an answer whose choice holds an error (OpenRouter)',
  e8a69aa0875613dc: 'an error chunk after the finish reason length: "Token limit reached" (OpenRouter)',
  '7a91fba18dc693c4': toolRefused,
  '5485daa849a10ce5': toolRefused,
  '9140397f2d7c5f86': 'chat completions filed under another API (Azure)',
  '8df1052b103fce1c': 'chat completions filed under another API (Azure)',
  '63ec5bbfc804c4c4': cut,
  '2638a65b9f4b0d1d': cut,
  '0302514413e1ed37': joined,
  e322ba74774e45bc: joined,
  d8adf4ac6990a1c0: joined,
  b447f0dbf76b3f8c: joined,
  '9d5e6216012fc18a': joined,
  '2367ecb6888c48f2': joined,
  aa60b726518e9a47: joined,
  d9c0681f26cc0054: joined,
  '42d9034e429c44e5': joined,
  '699a0c846b1ca023': joined,
  d631ef24513c9229: complete,
  f97ebdf8db49691d: complete,
  ef3ea5ab60c8363c: pieces,
  fa6dfb5714227826: pieces,
  '57713bae80ae0cd3': pieces,
  '99183dbde29d4986': pieces,
  '2a9f8ae222b7ef3e': enumNumbers,
  '26a369c1618e64a7': enumNumbers,
  bdd411b50422a10d: enumNumbers,
  d4910063f08a20a6: enumNumbers,
  '6d549789da85d33b': enumNumbers,
  '54f0fe7d258974da': enumNumbers,
  '1d731f7200029888': enumNumbers,
  '0e1e41b2643ef259': enumNumbers,
  '24b4caacbb1429a3': enumNumbers,
  '933d4f91226ecb8b': enumNumbers,
};

/** Endpoints other than chat, and how they are handled. */
export const endpoints: Readonly<Record<string, string>> = {
  ...{ embeddings: 'embeddings', embed: 'embeddings', embedContent: 'embeddings', batchEmbedContents: 'embeddings' },
  ...{
    rerank: 'passes through',
    moderations: 'passes through',
    models: 'a list',
    completions: 'the legacy form: callers may write it, no provider is asked by it',
  },
  ...{ 'count-tokens': 'counts', count_tokens: 'counts', countTokens: 'counts', tokenize: 'counts', 'responses-input-tokens': 'counts' },
  ...{
    assistants: 'keeps state at the provider',
    conversations: 'keeps state at the provider',
    cachedContents: 'keeps state at the provider',
  },
  ...{ interactions: 'keeps state at the provider', 'responses-compact': 'keeps state at the provider', messages: 'threads of assistants' },
  ...{
    invoke: 'each maker has a format of its own; Converse is asked',
    'invoke-stream': 'each maker has a format of its own; Converse is asked',
  },
  ...{ 'chat-v1': 'an older form; version 2 is asked', generate: 'an older form; version 2 is asked', predict: 'an older form' },
  ...{
    'ollama-chat': "Ollama's own form; its compatible address is asked",
    'ollama-generate': "Ollama's own form; its compatible address is asked",
  },
  'dashscope-native': 'images and videos',
};
