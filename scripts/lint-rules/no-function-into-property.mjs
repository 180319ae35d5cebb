/**
 * An oxlint rule against `object.property = () => …`. V8 takes a function literal that is assigned to a property for one that
 * stays, and allocates it among its old objects; each then keeps what it closes over, young as that may be, until the next full
 * collection. Per request that is a third more processor time. See docs/performance.md.
 */
const rule = {
  create: (context) => ({
    AssignmentExpression({ left, right }) {
      const isFunction = right.type === 'ArrowFunctionExpression' || right.type === 'FunctionExpression'
      if (left.type !== 'MemberExpression' || !isFunction) return
      context.report({ node: right, message: 'Name the function first: assigned like this it is allocated for good.' })
    },
  }),
}

export default { meta: { name: 'sluice' }, rules: { 'no-function-into-property': rule } }
