/** The tools that Agensium offers, as the document's chk_tool_id lists them. */
export const TOOLS = ['profile-my-data', 'clean-my-data', 'master-my-data'] as const
