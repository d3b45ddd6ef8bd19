/**
 * Questions about what AgentVine's tables have in step (decisions 52 and 53). Each must find nothing, whatever happened in
 * the queue; only what somebody does outside of it (`task start`) is in progress without an order.
 */
export const agentvineFaults: Readonly<Record<string, string>> = {
  'a queued task without one pending order': `
      SELECT id FROM agentvine.tasks AS t
      WHERE (status = 'queued') <> (1 = (SELECT count(*) FROM agentvine.work_orders
                                         WHERE task_id = t.id AND status = 'pending'))`,
  'a task in progress without one claimed order, or the reverse': `
      SELECT id FROM agentvine.tasks AS t
      WHERE (status = 'in_progress') <> (1 = (SELECT count(*) FROM agentvine.work_orders
                                              WHERE task_id = t.id AND status = 'claimed'))`,
  'a task in progress without one running execution by its worker, or the reverse': `
      SELECT id FROM agentvine.tasks AS t
      WHERE (status = 'in_progress') <> (1 = (SELECT count(*) FROM agentvine.executions
                                              WHERE task_id = t.id AND status = 'running'
                                                AND worker_id = t.assigned_to))`,
  'a claimed order without one active assignment, or the reverse': `
      SELECT id FROM agentvine.work_orders AS o
      WHERE (status = 'claimed') <> (1 = (SELECT count(*) FROM agentvine.worker_assignments
                                          WHERE work_order_id = o.id AND status = 'active'))`,
  'an end that is missing or too early': `
      SELECT id FROM agentvine.tasks
      WHERE (status IN ('completed', 'failed', 'cancelled')) <> (completed_at IS NOT NULL)
      UNION ALL
      SELECT id FROM agentvine.work_orders
      WHERE (status IN ('completed', 'failed', 'expired')) <> (completed_at IS NOT NULL)
      UNION ALL
      SELECT id FROM agentvine.executions WHERE (status <> 'running') <> (completed_at IS NOT NULL)
      UNION ALL
      SELECT id FROM agentvine.worker_assignments WHERE (status <> 'active') <> (completed_at IS NOT NULL)`,
  'a worker with more than it may have, or a status that its assignments deny': `
      SELECT w.id
      FROM agentvine.workers AS w
      LEFT JOIN agentvine.worker_assignments AS a ON a.worker_id = w.id AND a.status = 'active'
      GROUP BY w.id
      HAVING count(a.id) > w.max_concurrent_tasks OR (count(a.id) > 0 AND w.status IN ('idle', 'offline')) OR (count(a.id) = 0 AND w.status = 'busy')`,
  'a document whose versions are not 1 to its own': `
      SELECT d.id
      FROM agentvine.context_documents AS d
      LEFT JOIN agentvine.context_document_versions AS v ON v.document_id = d.id
      GROUP BY d.id
      HAVING count(v.id) <> d.version OR max(v.version) <> d.version
        OR max(v.content) FILTER (WHERE v.version = d.version) <> d.content`,
  'a worker whose capabilities are not those of its rows': `
      SELECT w.id FROM agentvine.workers AS w
      WHERE jsonb_array_length(w.capabilities) <> (
        SELECT count(*) FROM agentvine.worker_capabilities WHERE worker_id = w.id)`,
}
