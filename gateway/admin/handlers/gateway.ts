/** Thresholds, certificates, targets and explanations of the running configuration. */
import { readFileSync } from 'node:fs';
import { certificateProblem, readCertificate } from '../../config/checks/certificates.ts';
import { replaceFile } from '../../config/edit/replace-file.ts';
import { writeThreshold } from '../../config/edit/threshold.ts';
import { printProblems } from '../../config/index.ts';
import { invalid, type Refusal } from '../../exchange/response/refusal.ts';
import type { Route, Settings } from '../../settings/settings.ts';
import { targetsReport } from '../../targets/report.ts';
import type { CertificateRow, RouteRow } from '../api/gateway.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { explainRoute } from '../explain-route.ts';
import { configFile, noConfigFile } from './config.ts';
import type { Call, Handlers } from './contract.ts';
import { notFound } from './exchanges.ts';
import { pageOf } from './page.ts';

export const gatewayHandlers: Handlers<'listRoutes' | 'getThresholds' | 'setThresholds' | 'listCertificates' | 'getTargets' | 'explain'> = {
  listRoutes: ({ query, version: { settings } }) =>
    pageOf(
      [...settings.routes.values()].map(route => routeRow(route, settings)),
      query,
      ({ name }) => name,
    ),
  getThresholds: ({ params, version: { settings } }) => {
    const route = settings.routes.get(params.route);
    if (!route) return notFound('route');
    const steps = route.steps.map(({ target, accept }, step) => ({
      ...{ step, target },
      signal: accept && 'signal' in accept ? accept.signal : null,
      at_least: accept && 'signal' in accept ? accept.atLeast : null,
      accept: accept ?? null,
    }));
    return { route: route.name, config_hash: settings.hash, steps };
  },
  setThresholds,
  listCertificates: ({ version: { settings } }, { clock }) => ({
    data: [...(settings.certificates ?? [])].map(([route, certificate]): CertificateRow => {
      const { file } = certificate;
      const read = readCertificate(file);
      const problem = certificateProblem(settings.routes.get(route)!, certificate, clock.now()) ?? null;
      if (typeof read === 'string') {
        return { route, file, issued_at: null, targets: [], thresholds: [], signal: null, checked: null, problem };
      }
      const { issued_at, targets, thresholds, signal = null, checked = null } = read;
      return { route, file, issued_at, targets: [...targets], thresholds: [...thresholds], signal, checked, problem };
    }),
    next: null,
  }),
  getTargets: (_, { registry, probes, clock }) => targetsReport(registry, probes, clock.now()),
  explain: ({ version, query }, { clock }) => explainRoute(version, query, clock.now()),
};

const routeRow = ({ name, strategy, steps, variants = [], flag, copies }: Route, { certificates }: Settings): RouteRow => ({
  ...{ name, flag: flag ?? null, shadows: copies ?? null, certified: certificates?.has(name) ?? false },
  strategy: typeof strategy === 'string' ? strategy : strategy === undefined ? null : JSON.stringify(strategy),
  steps: steps.map(({ target, accept }) => ({ target, accept: accept ?? null })),
  variants: variants.map(({ route, share, rollout }) => ({ route, share, rolls_out: rollout !== undefined })),
});

function setThresholds(call: Call<'setThresholds'>, { environment }: AdminDependencies) {
  const { settings } = call.version;
  const route = settings.routes.get(call.params.route);
  if (!route) return notFound('route');
  const { signal, thresholds } = call.body;
  if (thresholds.length >= route.steps.length) {
    return invalid(
      'invalid_value',
      `thresholds: ${route.name} has ${route.steps.length} steps, and the last accepts every answer.`,
      'thresholds',
    );
  }
  const file = configFile(settings, environment);
  if (!file) return noConfigFile;
  let text = readFileSync(file.path, 'utf8');
  for (const [step, threshold] of thresholds.entries()) {
    const edited = writeThreshold(text, { route: route.name, target: route.steps[step]!.target, step, signal, threshold });
    if (!edited.ok) return notWritten(edited.problem);
    text = edited.text;
  }
  const loaded = replaceFile(file.path, text, file.location);
  if (!loaded.ok) return notWritten(printProblems(loaded.problems));
  const { hash } = loaded.settings;
  call.audit({ subject: route.name, detail: { signal, thresholds, before: settings.hash, after: hash } });
  return { route: route.name, config_hash: hash, thresholds };
}

const notWritten = (problem: string): Refusal => invalid('not_written', `Nothing was written: ${problem}`, null, 422);
