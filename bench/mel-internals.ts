/** Parts of the pipeline that its package does not export, for what they cost alone. */

const DIST = new URL('../../packages/pipeline/dist/', import.meta.url);

type KernelModule = typeof import('../packages/pipeline/src/kernels/log-mel-kernel.ts');
type StageModule = typeof import('../packages/pipeline/src/pcm-to-mel.ts');

export async function importLogMel() {
  const { LogMelKernel } = (await import(
    new URL('kernels/log-mel-kernel.js', DIST).href
  )) as KernelModule;
  const { pcmToMel } = (await import(new URL('pcm-to-mel.js', DIST).href)) as StageModule;
  return { LogMelKernel, pcmToMel };
}
