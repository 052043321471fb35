/** Raised with every change of the layout that an older program would misread. */
export const formatVersion = 1;
