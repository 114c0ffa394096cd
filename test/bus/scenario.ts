/** Four processes over one engine. A proxy between the processes and the engine lets a test cut their connections. */
import { CuttableProxy, Engine } from './engines.ts';
import { Peer, type PeerReport } from './project.ts';

export const size = 4;

/** The processes, their engine, and the proxy between them. */
export class Scenario {
  readonly engine: Engine;
  readonly proxy: CuttableProxy;
  peers: Peer[] = [];

  private constructor(engine: Engine, proxy: CuttableProxy) {
    this.engine = engine;
    this.proxy = proxy;
  }

  /** @param folder the folder of the project with the package and the clients @param script the script that each process runs */
  static async start(folder: string, kind: string, options: object, script = 'peer.js'): Promise<Scenario> {
    const engine = await Engine.start(kind === 'nats' ? 'nats' : 'redis');
    const scenario = new Scenario(engine, await CuttableProxy.start(engine.port));
    const { port } = scenario.proxy;
    try {
      for (let i = 0; i < size; i++) scenario.peers.push(new Peer(folder, kind, port, options, i, script));
      await Promise.all(scenario.peers.map((peer) => peer.ready()));
    } catch (error) {
      await scenario.end();
      throw error;
    }
    return scenario;
  }

  /** Lets all processes publish. If `during` is given, it is called when half of the messages are published. */
  async publish(count: number, during?: () => Promise<void>): Promise<void> {
    const half = this.peers[0]!.half();
    const all = Promise.all(
      this.peers.map((peer) => peer.command('publish', count / size, during !== undefined)),
    );
    await half;
    await during?.();
    await all;
    await Promise.all(this.peers.map((peer) => peer.command('up')));
  }

  /**
   * Publishes in four parts. In the middle of the first and the second part, the engine is killed and restarted. In the middle of the third
   * part, the connections to the engine are cut. In the middle of the last part, the first process is killed. After that, `peers` contains
   * only the other processes.
   * @param beforeKill is called before the process is killed
   */
  async publishWithFailures(count: number, beforeKill?: () => Promise<unknown>): Promise<void> {
    for (let times = 0; times < 2; times++) {
      await this.publish(count / 4, async () => {
        await this.engine.kill();
        await this.engine.start();
      });
    }
    await this.publish(count / 4, async () => this.proxy.cut());
    const [killed, ...others] = this.peers;
    this.peers = others;
    await this.publish(count / 4, async () => {
      await beforeKill?.();
      await killed!.kill();
    });
  }

  async end(): Promise<void> {
    for (const peer of this.peers) await peer.kill();
    await this.proxy.close();
    await this.engine.remove();
  }
}

/** Returns the counts of each process, after each process has received the last messages of all other processes. */
export async function reportsOf({ peers }: Scenario): Promise<PeerReport[]> {
  await Promise.all(peers.map((peer) => peer.command('finish')));
  return Promise.all(peers.map((peer) => peer.report(peers.length - 1)));
}
