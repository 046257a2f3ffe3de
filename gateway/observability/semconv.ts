/** Names of OpenTelemetry's conventions for HTTP and GenAI, written out here because the npm package deprecates the latter, and our own. */

export const attribute = {
  httpMethod: 'http.request.method',
  httpRoute: 'http.route',
  httpStatus: 'http.response.status_code',
  urlPath: 'url.path',
  urlScheme: 'url.scheme',
  userAgent: 'user_agent.original',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  errorType: 'error.type',
  endUser: 'user.id',

  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  conversation: 'gen_ai.conversation.id',
  requestModel: 'gen_ai.request.model',
  requestStream: 'gen_ai.request.stream',
  requestTemperature: 'gen_ai.request.temperature',
  requestTopP: 'gen_ai.request.top_p',
  requestTopK: 'gen_ai.request.top_k',
  requestMaxTokens: 'gen_ai.request.max_tokens',
  requestFrequencyPenalty: 'gen_ai.request.frequency_penalty',
  requestPresencePenalty: 'gen_ai.request.presence_penalty',
  requestStop: 'gen_ai.request.stop_sequences',
  requestSeed: 'gen_ai.request.seed',
  requestChoices: 'gen_ai.request.choice.count',
  outputType: 'gen_ai.output.type',
  responseModel: 'gen_ai.response.model',
  responseFinish: 'gen_ai.response.finish_reasons',
  responseTimeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  usageInput: 'gen_ai.usage.input_tokens',
  usageOutput: 'gen_ai.usage.output_tokens',
  usageCacheRead: 'gen_ai.usage.cache_read.input_tokens',
  usageCacheWrite: 'gen_ai.usage.cache_creation.input_tokens',
  usageReasoning: 'gen_ai.usage.reasoning.output_tokens',
  systemInstructions: 'gen_ai.system_instructions',
  inputMessages: 'gen_ai.input.messages',
  outputMessages: 'gen_ai.output.messages',
  /** In no convention yet, but what the tools read. */
  usageCost: 'gen_ai.usage.cost',

  exchange: 'hindcast.exchange.id',
  /** Table, exchange and attempt of the recorded bytes: attempt 0 is the caller's own. */
  payload: 'hindcast.payload.ref',
  route: 'hindcast.route',
  target: 'hindcast.target',
  configHash: 'hindcast.config.hash',
  costUsd: 'hindcast.cost.usd',
  outcome: 'hindcast.outcome',
  overheadMs: 'hindcast.overhead_ms',
  attempts: 'hindcast.attempts',
  queuedMs: 'hindcast.queue.wait_ms',
  heldMs: 'hindcast.hold.wait_ms',
  tenant: 'hindcast.tenant',
  project: 'hindcast.project',
  key: 'hindcast.key',
  tag: 'hindcast.tag.',
  attemptNumber: 'hindcast.attempt.number',
  attemptKind: 'hindcast.attempt.kind',
  attemptStep: 'hindcast.attempt.step',
  attemptOutcome: 'hindcast.attempt.outcome',
  attemptAccepted: 'hindcast.attempt.accepted',
  attemptConfidence: 'hindcast.attempt.confidence',
  attemptWarnings: 'hindcast.attempt.warnings',
  providerRequestId: 'hindcast.provider_request_id',

  /** Attributes of replays: original exchange, run, arm and repeat. */
  replayOf: 'hindcast.replay.of',
  replayRun: 'hindcast.replay.run',
  replayArm: 'hindcast.replay.arm',
  replayRepeat: 'hindcast.replay.repeat',
  /** On a link: what it leads to. */
  link: 'hindcast.link',
} as const;

const providerNames: Readonly<Record<string, string>> = {
  gemini: 'gcp.gemini',
  vertex: 'gcp.vertex_ai',
  bedrock: 'aws.bedrock',
  azure: 'azure.ai.openai',
  mistral: 'mistral_ai',
  xai: 'x_ai',
};

/** GenAI's well-known value for a wire format of ours; custom values are allowed. */
export const providerNameOf = (api: string): string => providerNames[api] ?? api;
