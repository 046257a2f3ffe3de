/** The parameters that a Claude model accepts, by its name. Each generation answers 400 to some that the one before accepted. */

export interface ModelTraits {
  /** The maximum of `max_tokens`; undefined for an unknown model. */
  readonly outputTokensMax?: number;
  /** `budget`: `thinking.budget_tokens`; `adaptive`: `output_config.effort`; `both`: either. */
  readonly thinking: 'none' | 'budget' | 'both' | 'adaptive';
  /** The parameter that disables thinking; `impossible` when the model always thinks. */
  readonly thinkingOff: 'nothing' | 'disabled' | 'between_tools' | 'impossible';
  /** The effort sent for anything above `high`. */
  readonly effortMax: 'xhigh' | 'max';
  /** Accepts `temperature`, `top_p` and `top_k`. */
  readonly sampling: boolean;
  /** Accepts `temperature` and `top_p` together. */
  readonly samplingTogether: boolean;
  /** Accepts `output_config.format` and strict tools. */
  readonly schema: boolean;
  /** Accepts a tool choice that forces a call. */
  readonly forcedTools: boolean;
}

/** Models of other vendors with this wire format: only the format's oldest parameters. */
const otherVendors: ModelTraits = {
  thinking: 'budget',
  thinkingOff: 'nothing',
  effortMax: 'max',
  sampling: true,
  samplingTogether: true,
  schema: false,
  forcedTools: true,
};

/** A Claude of unknown version counts as a new one, because new ones accept less. */
const newest: ModelTraits = {
  outputTokensMax: 128_000,
  thinking: 'adaptive',
  thinkingOff: 'impossible',
  effortMax: 'xhigh',
  sampling: false,
  samplingTogether: false,
  schema: true,
  forcedTools: false,
};

/** Sources: platform.claude.com, models and migration guides up to Claude 5.5 (October 2026), and recorded error responses. */
export function traitsOf(model: string): ModelTraits {
  if (!model.includes('claude')) return otherVendors;
  const version = versionOf(model);
  if (version === undefined) return newest;
  if (version >= 500) return traitsOfVersion5(model, version);
  if (version >= 407) return { ...newest, thinkingOff: 'nothing', forcedTools: true };
  if (version === 406) return { ...newest, thinking: 'both', thinkingOff: 'nothing', effortMax: 'max', sampling: true, forcedTools: true };
  const older: ModelTraits = { ...otherVendors, samplingTogether: false, schema: version >= 401, outputTokensMax: 64_000 };
  if (version >= 405) return older;
  if (version >= 400) return model.includes('opus') ? { ...older, outputTokensMax: 32_000 } : older;
  if (version >= 307) return older;
  return { ...older, thinking: 'none', outputTokensMax: version >= 305 ? 8_192 : 4_096 };
}

function traitsOfVersion5(model: string, version: number): ModelTraits {
  if (model.includes('fable')) return { ...newest, forcedTools: version < 501 };
  if (model.includes('haiku')) return { ...newest, thinkingOff: 'disabled', forcedTools: true };
  if (version < 505) return { ...newest, thinkingOff: 'disabled', forcedTools: true };
  return model.includes('sonnet') ? { ...newest, thinkingOff: 'between_tools' } : newest;
}

/** 100 x major + minor: 305 of claude-3-5-sonnet-20241022, 400 of claude-sonnet-4-20250514, 505 of claude-opus-5-5. */
function versionOf(model: string): number | undefined {
  const found = /claude-(?:[a-z]+-)?(\d)(?:[-.](\d{1,2}))?(?!\d)/.exec(model);
  return found ? Number(found[1]) * 100 + Number(found[2] ?? 0) : undefined;
}

/** From 4.6 on Claude refuses a prefilled response. Source: the migration guide. */
export function prefills(model: string): boolean {
  const version = versionOf(model);
  return version !== undefined && version < 406;
}
