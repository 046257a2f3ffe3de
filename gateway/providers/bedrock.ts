/** Amazon Bedrock's Converse API: one format for models of many vendors, signed calls, and streams in binary frames. */
import { nameOf } from '../core/chat/limits/field-limits.ts';
import type { Provider } from '../core/chat/provider.ts';
import { parseFailure } from './bedrock/failure.ts';
import { renderRequest } from './bedrock/request.ts';
import { parseResponse } from './bedrock/response.ts';
import { parseStream } from './bedrock/stream.ts';
import { bedrockCounter } from './counters/token-counters.ts';

export const bedrock = {
  name: 'bedrock',
  wire: 'bedrock-converse',
  baseUrl: 'https://bedrock-runtime.{region}.amazonaws.com',
  auth: 'aws',
  account: { region: '' },
  framing: 'aws-eventstream',
  environment: [],
  headers: {},
  priceBook: 'aws',
  cacheHints: true,
  limits: { toolName: nameOf(64), callId: nameOf(64), metadata: { countMax: 16, keyLengthMax: 256, valueLengthMax: 256 } },
  counter: bedrockCounter,
  renderRequest,
  parseResponse,
  parseStream,
  parseFailure,
} satisfies Provider;
