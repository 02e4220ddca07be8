// How much larger an element is shown than it is laid out: the stylesheet makes everything a step
// larger on large screens, and what is drawn and pointed at has to go with it.
export function scaleOf(element: HTMLElement): number {
  const { width } = element.getBoundingClientRect();
  return Math.round((100 * width) / element.offsetWidth) / 100 || 1;
}
