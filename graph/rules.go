package graph

import (
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// silentRules returns the validation rules of GraphQL without those that suggest a name like the one that does not exist: a client that
// may not read the schema would read it from the suggestions.
func silentRules() *rules.Rules {
	set := rules.NewDefaultRules()
	for _, pair := range []struct{ talks, silent validator.Rule }{
		{rules.FieldsOnCorrectTypeRule, rules.FieldsOnCorrectTypeRuleWithoutSuggestions},
		{rules.KnownArgumentNamesRule, rules.KnownArgumentNamesRuleWithoutSuggestions},
		{rules.KnownTypeNamesRule, rules.KnownTypeNamesRuleWithoutSuggestions},
		{rules.ScalarLeafsRule, rules.ScalarLeafsRuleWithoutSuggestions},
		{rules.ValuesOfCorrectTypeRule, rules.ValuesOfCorrectTypeRuleWithoutSuggestions},
	} {
		set.RemoveRule(pair.talks.Name)
		set.AddRule(pair.silent.Name, pair.silent.RuleFunc)
	}
	return set
}
