/** A target is `provider/model`; a model's own name may hold slashes. */
export function providerOf(target: string): string {
  const slash = target.indexOf('/');
  return slash < 0 ? target : target.slice(0, slash);
}
