/**
 * Parents before children. What refers to each other in a circle stands together, and is told apart from the rest.
 */

export interface Ordered<A> {
  /** Parents first; where nothing else decides, in the order given. */
  readonly order: ReadonlyArray<A>
  /** The circle a member is in; members of no circle have one of their own. */
  readonly circle: ReadonlyMap<A, number>
}

/**
 * Orders by what each member needs. Tarjan's algorithm: it finishes a circle only when everything the circle needs is
 * finished, which is the order looked for. Needs outside of the list are passed over.
 */
export const parentsFirst = <A>(members: ReadonlyArray<A>, needs: (member: A) => ReadonlyArray<A>): Ordered<A> => {
  const known = new Set(members)
  const index = new Map<A, number>()
  const low = new Map<A, number>()
  const open: Array<A> = []
  const circle = new Map<A, number>()
  const order: Array<A> = []
  let circles = 0
  const visit = (member: A): void => {
    const own = index.size
    index.set(member, own)
    low.set(member, own)
    open.push(member)
    for (const need of needs(member)) {
      if (!known.has(need)) continue
      if (!index.has(need)) visit(need)
      if (!circle.has(need)) low.set(member, Math.min(low.get(member)!, low.get(need)!))
    }
    if (low.get(member) !== own) return
    const together = open.splice(open.indexOf(member))
    for (const one of together) circle.set(one, circles)
    circles++
    order.push(...members.filter((one) => together.includes(one)))
  }
  for (const member of members) if (!index.has(member)) visit(member)
  return { order, circle }
}
