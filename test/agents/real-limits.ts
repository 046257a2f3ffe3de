/** The limits that vendors enforce with a 400, as data and rules of each scripted target. */
import type { TargetName } from './strict-target.ts';

// biome-ignore lint/suspicious/noExplicitAny: bodies of any format, looked into
type Body = any;

/** The refusal of a body; undefined when the vendor takes it. */
export function refusalOf(name: TargetName, body: Body): string | undefined {
  return rules[name].find(([holds]) => !holds(body))?.[1];
}

type Rule = readonly [holds: (body: Body) => boolean, message: string];

const every = <Item>(list: readonly Item[] | undefined, holds: (item: Item) => boolean): boolean => (list ?? []).every(holds);
const isName = (name: unknown, max: number): boolean => typeof name === 'string' && new RegExp(`^[a-zA-Z0-9_-]{1,${max}}$`).test(name);

/** Every result follows its call, and every call has its result. */
const pairs = (calls: readonly string[], results: readonly string[]): boolean =>
  calls.every(id => results.includes(id)) && results.every(id => calls.includes(id));

const chatCalls = ({ messages }: Body): readonly Body[] => messages.flatMap((message: Body) => message.tool_calls ?? []);
const chatRules: readonly Rule[] = [
  [
    body => every(body.tools, (tool: Body) => isName((tool.function ?? tool.custom)?.name, 64)),
    "Invalid 'tools[0].function.name': string too long",
  ],
  [
    body => chatCalls(body).every((call: Body) => isName((call.function ?? call.custom).name, 64)),
    "Invalid 'messages[0].tool_calls[0].function.name'",
  ],
  [body => (body.tools ?? []).length <= 128, "Invalid 'tools': array too long"],
  [
    body =>
      pairs(
        chatCalls(body).map(call => call.id),
        body.messages.flatMap((message: Body) => (message.role === 'tool' ? [message.tool_call_id] : [])),
      ),
    "An assistant message with 'tool_calls' must be followed by tool messages",
  ],
  [
    body => every(body.tools, (tool: Body) => (tool.type === 'custom' ? !tool.function : tool.type === 'function')),
    "Invalid 'tools[0].type'",
  ],
];

const responsesItems: readonly string[] = [
  'message',
  'function_call',
  'function_call_output',
  'custom_tool_call',
  'custom_tool_call_output',
  'tool_search_call',
  'tool_search_output',
  'additional_tools',
  'reasoning',
  'web_search_call',
];

const anthropicBlocks = ({ messages }: Body): readonly Body[] =>
  messages.flatMap((turn: Body) => (typeof turn.content === 'string' ? [] : turn.content));
const ownSignatures: Readonly<Record<string, string>> = { anthropic: 'c3RyaWN0LWFudGhyb3BpYw==', bedrock: 'c3RyaWN0LWJlZHJvY2s=' };

/** Results stand in the turn right after their calls. */
const resultsFollow = (turns: readonly { readonly calls: readonly string[]; readonly results: readonly string[] }[]): boolean =>
  turns.every(({ calls }, i) => calls.length === 0 || pairs(calls, turns[i + 1]?.results ?? []));

const geminiParts = (content: Body): readonly Body[] => content.parts ?? [];

const hasLoneRefs = (value: Body): boolean => {
  if (Array.isArray(value)) return value.every(hasLoneRefs);
  if (typeof value !== 'object' || value === null) return true;
  if (typeof value.$ref === 'string' && Object.keys(value).some(key => !key.startsWith('$'))) return false;
  return Object.values(value).every(hasLoneRefs);
};

const rules: Readonly<Record<TargetName, readonly Rule[]>> = {
  openai: [
    ...chatRules,
    [body => (body.user ?? '').length <= 64, "Invalid 'user': string too long. Expected a string with maximum length 64"],
    [body => chatCalls(body).every((call: Body) => call.id.length <= 40), "Invalid 'messages[1].tool_calls[0].id': string too long"],
    [body => (body.stop ?? []).length <= 4, "Invalid 'stop': array too long"],
    [body => body.metadata === undefined || body.store === true, "The 'metadata' parameter is only allowed when 'store' is enabled"],
    [body => every(body.messages, (message: Body) => message.reasoning_content === undefined), "Unrecognized 'reasoning_content'"],
  ],
  template: [
    ...chatRules,
    [body => every(body.messages, (message: Body) => message.role !== 'developer'), 'Unexpected message role.'],
    [
      ({ messages }) => messages.every((message: Body, i: number) => message.role !== 'system' || i === 0),
      'System message must be at the beginning.',
    ],
    [body => every(body.tools, (tool: Body) => tool.type === 'function'), 'Only function tools are supported.'],
  ],
  responses: [
    [body => (body.user ?? '').length <= 64, "Invalid 'user': string too long"],
    [
      body => every(body.tools, (tool: Body) => tool.name === undefined || isName(tool.name, 64)),
      "Invalid 'tools[0].name': string too long",
    ],
    [body => every(body.input, (item: Body) => responsesItems.includes(item.type ?? 'message')), "Invalid value: 'input[0].type'"],
    [body => every(body.input, (item: Body) => (item.call_id ?? '').length <= 64), "Invalid 'input[0].call_id': string too long"],
    [
      ({ input }) =>
        pairs(
          input.flatMap((item: Body) => (/_call$/.test(item.type ?? '') && item.call_id ? [item.call_id] : [])),
          input.flatMap((item: Body) => (/_output$/.test(item.type ?? '') ? [item.call_id] : [])),
        ),
      'No tool output found for function call',
    ],
    [
      body => every(body.input, (item: Body) => !item.encrypted_content || item.encrypted_content.startsWith('gAAAA')),
      'The encrypted content could not be verified.',
    ],
  ],
  anthropic: [
    [body => body.max_tokens >= 1, 'max_tokens: Field required'],
    [body => (body.metadata?.user_id ?? '').length <= 256, 'metadata.user_id: String should have at most 256 characters'],
    [body => every(body.tools, (tool: Body) => isName(tool.name, 128)), 'tools.0.name: String should match pattern'],
    [
      body => anthropicBlocks(body).every((block: Body) => block.type !== 'tool_use' || /^[a-zA-Z0-9_-]+$/.test(block.id)),
      'tool_use.id: String should match pattern',
    ],
    [
      body => anthropicBlocks(body).every((block: Body) => block.type !== 'text' || block.text.trim() !== ''),
      'messages: text content blocks must be non-empty',
    ],
    [
      body => anthropicBlocks(body).every((block: Body) => block.type !== 'thinking' || block.signature === ownSignatures.anthropic),
      'messages.1.content.0: Invalid `signature` in `thinking` block',
    ],
    [
      ({ messages }) =>
        resultsFollow(
          messages
            .filter((turn: Body) => turn.role !== 'system')
            .map((turn: Body) => ({
              calls: anthropicBlocks({ messages: [turn] }).flatMap((block: Body) => (block.type === 'tool_use' ? [block.id] : [])),
              results: anthropicBlocks({ messages: [turn] }).flatMap((block: Body) =>
                block.type === 'tool_result' ? [block.tool_use_id] : [],
              ),
            })),
        ),
      '`tool_use` ids were found without `tool_result` blocks immediately after',
    ],
  ],
  gemini: [
    [
      body => every(body.tools?.[0]?.functionDeclarations, (tool: Body) => /^[a-zA-Z_][a-zA-Z0-9_.-]{0,63}$/.test(tool.name)),
      'Invalid function name. Must start with a letter or an underscore.',
    ],
    [body => hasLoneRefs(body.tools ?? []), 'reference to undefined schema: $ref must stand alone'],
    [
      ({ contents }) =>
        contents.every((content: Body, i: number) => {
          const calls = geminiParts(content).filter((part: Body) => part.functionCall).length;
          return calls === 0 || geminiParts(contents[i + 1] ?? {}).filter((part: Body) => part.functionResponse).length === calls;
        }),
      'number of function response parts must equal the number of function call parts',
    ],
    [
      ({ contents }) =>
        contents.every((content: Body) => {
          const first = geminiParts(content).find((part: Body) => part.functionCall);
          return !first || first.thoughtSignature !== undefined;
        }),
      'Function call is missing a thought_signature',
    ],
  ],
  bedrock: [
    [
      body => every(body.toolConfig?.tools, (tool: Body) => !tool.toolSpec || isName(tool.toolSpec.name, 64)),
      'toolSpec.name failed to satisfy constraint',
    ],
    [
      ({ messages }) =>
        messages.every((turn: Body) => turn.content.every((block: Body) => !block.toolUse || isName(block.toolUse.toolUseId, 64))),
      'toolUse.toolUseId failed to satisfy constraint',
    ],
    [
      ({ messages }) =>
        resultsFollow(
          messages.map((turn: Body) => ({
            calls: turn.content.flatMap((block: Body) => (block.toolUse ? [block.toolUse.toolUseId] : [])),
            results: turn.content.flatMap((block: Body) => (block.toolResult ? [block.toolResult.toolUseId] : [])),
          })),
        ),
      'Expected toolResult blocks for the following Ids',
    ],
    [
      ({ messages }) =>
        messages.every((turn: Body) =>
          turn.content.every(
            (block: Body) => (block.reasoningContent?.reasoningText?.signature ?? ownSignatures.bedrock) === ownSignatures.bedrock,
          ),
        ),
      'Invalid signature in thinking block',
    ],
  ],
};
