/** Streams that have said something and then nothing for 20 s: what each keeps of memory, and what others pay meanwhile. */
import { connect, type Socket } from 'node:net';
import { table } from '../../gateway/cli/command.ts';
import { base, idle, requestBodies } from './cells.ts';
import { type BenchProcesses, drained, orderOf, runLoad } from './measure.ts';
import { cpuUs, residentMemory } from './processes.ts';
import { type Running, serveToSink } from './subjects.ts';

const warmup = 8_000;
/** More in one burst are refused by the system's queue of connections. */
const openedAtOnce = 256;

/** A table of one run with so many streams open at once. Throws when one does not end whole or is not recorded. */
export async function idleStreams(processes: BenchProcesses, count: number): Promise<string> {
  const running = await serveToSink(processes.upstream, {});
  try {
    return await measured(running, processes, count);
  } finally {
    await running.end();
  }
}

async function measured(running: Running, processes: BenchProcesses, count: number): Promise<string> {
  await usPerRequest(running, processes, warmup);
  const before = residentMemory(running.pid).mainMb;
  const plainUs = await usPerRequest(running, processes);
  const streams: { readonly ended: Promise<string> }[] = [];
  while (streams.length < count) {
    const together = Math.min(openedAtOnce, count - streams.length);
    streams.push(...(await Promise.all(Array.from({ length: together }, () => openStream(running)))));
  }
  const during = residentMemory(running.pid).mainMb;
  const usedIdle = cpuUs(running.pid);
  await new Promise(wait => setTimeout(wait, 3_000));
  const idleUsPerSecond = (cpuUs(running.pid) - usedIdle) / 3;
  const besideUs = await usPerRequest(running, processes);
  const ends = await Promise.all(streams.map(({ ended }) => ended));
  const whole = ends.filter(text => text.includes('data: [DONE]')).length;
  if (whole !== count) throw new Error(`${count - whole} of ${count} streams did not end whole`);
  const sent = warmup + 2 * measuredRequests + count;
  const recorded = await drained(running, sent);
  if (recorded !== sent) throw new Error(`${recorded} records for ${sent} requests`);
  const after = residentMemory(running.pid).mainMb;
  const rows = [
    ['gateway MB', `${before}`, `${during}`, `${after}`],
    ['KB per stream', '', (((during - before) * 1024) / count).toFixed(1), ''],
    ['CPU µs/request of others', plainUs.toFixed(0), besideUs.toFixed(0), ''],
    ['CPU ms/s while nothing comes', '', (idleUsPerSecond / 1000).toFixed(1), ''],
  ];
  return `idle-streams: ${count} open at once and silent for 20 s, all ended whole, all recorded\n${table(['', 'before', 'with them', 'after'], rows)}`;
}

const measuredRequests = 2_000;

async function usPerRequest(running: Running, processes: BenchProcesses, requests = measuredRequests): Promise<number> {
  const usedBefore = cpuUs(running.pid);
  const { failed, firstFailure } = await runLoad(processes.load, { ...orderOf(running, base), requests });
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed: ${firstFailure}`);
  return (cpuUs(running.pid) - usedBefore) / requests;
}

/** Resolves when the answer has begun; `ended` when its connection is closed, with all that came. */
function openStream(running: Running): Promise<{ readonly ended: Promise<string> }> {
  const { hostname, port } = new URL(running.origin);
  const body = requestBodies(idle)[0]!;
  const head = `POST ${running.pathOf(idle)} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(Number(port), hostname, () => void socket.write(head + body));
    let text = '';
    const ended = new Promise<string>(end => socket.once('close', () => end(text)));
    socket.setEncoding('latin1').once('error', reject);
    socket.on('data', chunk => {
      text += chunk;
      if (text.includes('data: ')) resolve({ ended });
    });
  });
}
