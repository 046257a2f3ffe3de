/** Other people's gateways and proxies, installed for one run into folders that go with it. */
import { installEnvoy } from './envoy.ts';
import { installLitellm } from './litellm.ts';
import { installNginx } from './nginx.ts';
import { installPortkey } from './portkey.ts';
import type { InstalledRival } from './rival.ts';
import { installTensorzero } from './tensorzero.ts';

const installers: Readonly<Record<string, () => Promise<InstalledRival>>> = {
  nginx: installNginx,
  envoy: installEnvoy,
  tensorzero: installTensorzero,
  portkey: installPortkey,
  litellm: installLitellm,
};
export const rivalNames: readonly string[] = Object.keys(installers);

export interface Rivals {
  readonly rivals: readonly InstalledRival[];
  /** Of the others that were wished for: the name, and why it is not measured. */
  readonly leftOut: readonly string[];
}

/** Never rejects: what cannot be had is said. */
export async function installRivals(isWished: (name: string) => boolean, log: (line: string) => void): Promise<Rivals> {
  const rivals: InstalledRival[] = [];
  const leftOut: string[] = [];
  for (const name of rivalNames.filter(isWished)) {
    log(`installing ${name}`);
    try {
      rivals.push(await installers[name]!());
    } catch (error) {
      leftOut.push(`${name} is not measured, for it cannot be installed here: ${String(error).split('\n')[0]!.slice(0, 300)}`);
    }
  }
  return { rivals, leftOut };
}
