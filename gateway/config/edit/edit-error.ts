/** A change of a config's file that cannot be made; the message says why, and what to do instead. */
export class ConfigEditError extends Error {}
