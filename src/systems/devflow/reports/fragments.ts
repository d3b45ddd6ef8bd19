/** What several DevFlow reports share. */
import { oneOrAll } from '../../../model/figures.ts'

export const { parameter: projectParameter, only: ofProject } = oneOrAll(
  'project_id',
  { entity: 'project', label: 'name', by: 'id or name' },
  'uuid',
)
