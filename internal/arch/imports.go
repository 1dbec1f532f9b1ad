package arch

import (
	"maps"
	"slices"
	"strings"
)

// checkImports enforces layers and owners. Tests may import what they need; generated code is its owner's.
func checkImports(sources []source) []finding {
	var found []finding
	places := slices.Collect(maps.Keys(layers()))
	for _, s := range sources {
		if s.test {
			continue
		}
		place, known := match(s.pkg, places)
		if !known {
			found = append(found, finding{"layers", s.path, "package " + s.pkg + " has no place in layers(); give it one"})
			continue
		}
		for _, spec := range s.file.Imports {
			imported := strings.Trim(spec.Path.Value, `"`)
			if ours, ok := strings.CutPrefix(imported, module); ok && ours != s.pkg && !within(ours, layers()[place]) {
				found = append(found, finding{"layers", s.path, "must not import " + ours})
			}
			found = append(found, checkOwner(s, imported)...)
		}
	}
	return found
}

func checkOwner(s source, imported string) []finding {
	owned, ok := match(imported, slices.Collect(maps.Keys(owners())))
	if !ok || within(s.pkg, owners()[owned]) || s.generated {
		return nil
	}
	return []finding{{"owners", s.path, imported + " is imported only by: " + owners()[owned]}}
}
