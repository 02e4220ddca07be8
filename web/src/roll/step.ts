// The grid step of the roll as it is seen now, for keys that move notes by it.
let step = 12;

export function keepStep(ticks: number): void {
  step = ticks;
}

export function snapStepNow(): number {
  return step;
}
