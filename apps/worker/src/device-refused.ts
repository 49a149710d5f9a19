/** A device that must not be used, and would not be fit for it at the next try either. */
export class DeviceRefused extends Error {
  override readonly name = 'DeviceRefused';
}
