/** The NPUs of this machine that can take jobs, and why the others cannot. */

import { join } from 'node:path';
import type { WorkerSettings } from './config.ts';
import { DeviceError, type UnsharedDevice } from './device.ts';
import type { DeviceSetting } from './devices-config.ts';
import type { LibraryOffer, ProbedLibrary } from './devices-library.ts';
import { findNpuRuntime, type NpuRuntime, vitisAi } from './npu-runtime.ts';
import { findNpus, type Npu, npuProblem } from './npu-sysfs.ts';

const VITIS_AI = 'VitisAIExecutionProvider';

/** An NPU that is not used, and why. */
export interface NpuNote {
  readonly npu: Npu;
  readonly text: string;
}

type NpuOptions = Pick<DeviceSetting, 'options' | 'env' | 'threads' | 'models'>;

/** Hands out each NPU once. */
export class NpuDevices {
  readonly notes: readonly NpuNote[];
  readonly #settings: WorkerSettings;
  readonly #free: Npu[];
  #taken = 0;
  readonly #runtime: NpuRuntime & { readonly version: string };

  private constructor(
    settings: WorkerSettings,
    notes: readonly NpuNote[],
    free: readonly Npu[] = [],
    runtime = { library: '', env: {}, version: '' },
  ) {
    this.#settings = settings;
    this.notes = notes;
    this.#free = [...free];
    this.#runtime = runtime;
  }

  /** Looks for NPUs and, where there are any, for the library that runs them. */
  static async find(
    settings: WorkerSettings,
    probe: (library: ProbedLibrary) => Promise<LibraryOffer>,
  ): Promise<NpuDevices> {
    const { systemRoot } = settings;
    const notes: NpuNote[] = [];
    const reachable: Npu[] = [];
    for (const npu of findNpus(systemRoot)) {
      const text = npuProblem(npu, systemRoot);
      if (text === null) reachable.push(npu);
      else notes.push({ npu, text });
    }
    if (reachable.length === 0) return new NpuDevices(settings, notes);
    const none = (text: string) => {
      return new NpuDevices(settings, [...notes, ...reachable.map((npu) => ({ npu, text }))]);
    };
    const runtime = findNpuRuntime(settings);
    if ('problem' in runtime) return none(runtime.problem);
    const { library } = runtime;
    const offer = await probe(runtime);
    if ('problem' in offer) return none(`cannot use ${library}: ${offer.problem}`);
    const { version, providers } = offer;
    if (providers.includes(VITIS_AI)) {
      return new NpuDevices(settings, notes, reachable, { ...runtime, version });
    }
    return none(`needs ${VITIS_AI}, which ONNX Runtime ${version} in ${library} lacks`);
  }

  takeAll(options: NpuOptions): readonly UnsharedDevice[] {
    return this.#free.splice(0).map((npu) => this.#device(npu, nodeName(npu), options));
  }

  /**
   * All that are free, unless the setting says which or how many.
   *
   * @throws DeviceError where there are fewer.
   */
  take(setting: DeviceSetting): readonly UnsharedDevice[] {
    const { address, name } = setting;
    const fitting = this.#free.filter((npu) => [undefined, npu.address].includes(address));
    const count = setting.count ?? Math.max(1, fitting.length);
    if (fitting.length < count) {
      const what = address === undefined ? `${count} NPU(s)` : `the NPU ${address}`;
      throw new DeviceError(
        `${what} configured, ${fitting.length} to be had: ${this.missingBecause()}`,
      );
    }
    return fitting.slice(0, count).map((npu, index) => {
      this.#free.splice(this.#free.indexOf(npu), 1);
      const numbered = count === 1 ? name : `${name}${index}`;
      return this.#device(npu, name === undefined ? nodeName(npu) : String(numbered), setting);
    });
  }

  /** Why there are no more of them, in words. */
  missingBecause(): string {
    if (this.#free.length > 0) return 'the `devices` of the configuration name none';
    const why = this.notes.map(({ npu, text }) => `NPU ${npu.address} ${text}`);
    if (why.length > 0) return why.join('; ');
    const none = this.#taken === 0 ? 'no' : 'no other';
    return `${none} XDNA 2 NPU (PCI 1022:17f0) is in ${join(this.#settings.systemRoot, 'sys')}`;
  }

  #device(npu: Npu, name: string, { options, env, threads, models }: NpuOptions): UnsharedDevice {
    this.#taken += 1;
    const held = models ?? Object.keys(this.#settings.models);
    if (held.length > 1) {
      throw new DeviceError(
        `${name} would hold ${held.length} models, and two sessions of VitisAI crash each other ` +
          'in one process: serve one, or name one in `models` of each NPU in `devices`',
      );
    }
    const { address, name: hardware, firmware, driverVersion } = npu;
    const { version, library } = this.#runtime;
    return {
      name,
      kind: 'npu',
      models: held,
      threads,
      env: { ...this.#runtime.env, ...env },
      accelerator: {
        provider: vitisAi(this.#settings.vitisAiOptions, options),
        library,
        compiles: true,
        lockKey: `npu-${address}`,
        dependsOn: [version, hardware, firmware, driverVersion].map(String),
      },
    };
  }
}

/** The number of its node, which stays the same when another NPU is gone. */
function nodeName({ node }: Npu): string {
  return `npu${node?.slice('accel'.length)}`;
}
