/** Warnings about certificates of routes: expired, drifting, unchecked or unreadable. Reads the certificate files, no store. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Instant } from '../../core/shared/time.ts';
import type { AcceptRule } from '../../core/signals/signal.ts';
import type { CertificateSettings, Route, Settings } from '../../settings/settings.ts';

const dayMs = 86_400_000;
/** A certificate needs a check at least this often. */
const uncheckedDaysMax = 30;
const bytesMax = 64 * 1024 * 1024;

/** One sentence for each certificate with a problem, with the command that fixes it. */
export function certificateWarnings(settings: Settings, now: Instant): readonly string[] {
  return [...(settings.certificates ?? [])].flatMap(([name, certificate]) => {
    const problem = certificateProblem(settings.routes.get(name)!, certificate, now);
    return problem === undefined ? [] : [`routes.${name}.certificate: ${problem}`];
  });
}

/** Undefined when it holds. */
export function certificateProblem(
  route: Route,
  { file, isMonitored }: Pick<CertificateSettings, 'file' | 'isMonitored'>,
  now: Instant,
): string | undefined {
  const read = readCertificate(file);
  if (typeof read === 'string') return read;
  const { targets, thresholds, issued_at: issuedAt, checked, loss } = read;
  const routeTargets = route.steps.map(({ target }) => target);
  const renewHint = `renew it with hindcast eval certify --chain ${route.name}`;
  if (!isEqualList(routeTargets, targets))
    return `expired: the route's targets are ${routeTargets.join(', ')}, the certificate is for ${targets.join(', ')}; ${renewHint}`;
  const accepted = route.steps.slice(0, -1).map(({ accept }) => thresholdOf(accept));
  if (!isEqualList(accepted, thresholds))
    return `expired: the route accepts at ${accepted.map(t => t ?? 'another rule').join(', ')}, the certificate is for ${thresholds.join(', ')}; ${renewHint}`;
  if (checked?.verdict === 'expired') return `expired: ${(checked.reasons ?? []).join('; ')}; ${renewHint}`;
  if (checked?.verdict === 'drifting') return `drifting: ${(checked.reasons ?? []).join('; ')}`;
  if (isMonitored && loss === 'net') return 'it bounds the net loss and audits watch harm alone: hindcast eval certify --loss harm';
  const days = Math.floor((now - Date.parse(checked?.at ?? issuedAt)) / dayMs);
  if (!(days <= uncheckedDaysMax)) return `not checked for ${days} days: run hindcast eval check ${basename(file)} --keep`;
  const { assumptions = [] } = read;
  if (assumptions.length > 0) return `assumes that ${assumptions.join('; ')} (certify --assume)`;
  return undefined;
}

export interface Certificate {
  readonly targets: readonly string[];
  readonly thresholds: readonly number[];
  readonly issued_at: string;
  readonly signal?: string;
  readonly loss?: string;
  readonly assumptions?: readonly string[];
  readonly checked?: { readonly at: string; readonly verdict: string; readonly reasons?: readonly string[] };
}

/** The certificate, or a text with its problem. */
export function readCertificate(file: string): Certificate | string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return `${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`;
  }
  if (text.length > bytesMax) return `${file} is too large for a certificate`;
  const notCertified = `${file} is not a granted certificate; create one with hindcast eval certify -o ${basename(file)}`;
  try {
    const value = JSON.parse(text) as Certificate & { readonly kind?: unknown; readonly verdict?: unknown };
    const isCertificate = value.kind === 'hindcast-certificate' && value.verdict === 'certified';
    return isCertificate && Array.isArray(value.targets) && Array.isArray(value.thresholds) ? value : notCertified;
  } catch {
    return notCertified;
  }
}

const thresholdOf = (accept: AcceptRule | undefined): number | undefined => (accept && 'signal' in accept ? accept.atLeast : undefined);
const isEqualList = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);
