package outbound

import (
	"strings"
	"unicode/utf8"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// The limits of what can be sent, in characters and in number.
const (
	maxText         = 4096
	maxTemplateName = 512
	maxLanguage     = 35 // as long as a language tag gets
	maxVariable     = 1024
	maxHeader       = 10
	maxBody         = 50
	maxCorrelation  = 200
	maxName         = 200
)

// checkContent returns an Invalid error unless exactly one of text and template is given and is well formed.
func checkContent(text *string, template *channel.Template) error {
	switch {
	case text != nil && template != nil:
		return fault.BadField("template", "give either text or a template, not both")
	case text != nil:
		return checkText(*text)
	case template != nil:
		return checkTemplate(*template)
	}
	return fault.BadField("text", "give a text or a template")
}

func checkText(text string) error {
	if err := checkString("text", text, maxText); err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		return fault.BadField("text", "a message needs a text that is not blank")
	}
	return nil
}

func checkTemplate(t channel.Template) error {
	if t.Name == "" {
		return fault.BadField("template.name", "name the template as the provider knows it")
	}
	if err := checkString("template.name", t.Name, maxTemplateName); err != nil {
		return err
	}
	if t.Language == "" {
		return fault.BadField("template.language", "name the template's language, for example en_US")
	}
	if err := checkString("template.language", t.Language, maxLanguage); err != nil {
		return err
	}
	if err := checkVariables("template.header", t.Header, maxHeader); err != nil {
		return err
	}
	return checkVariables("template.body", t.Body, maxBody)
}

func checkVariables(field string, values []string, most int) error {
	if len(values) > most {
		return fault.BadField(field, "a template takes at most %d values here", most)
	}
	for _, v := range values {
		if err := checkString(field, v, maxVariable); err != nil {
			return err
		}
	}
	return nil
}

// checkString refuses what Postgres cannot store and what is too long.
func checkString(field, s string, most int) error {
	switch {
	case !utf8.ValidString(s):
		return fault.BadField(field, "the text is not valid UTF-8")
	case strings.ContainsRune(s, 0):
		return fault.BadField(field, "the text contains a NUL character; remove it")
	case utf8.RuneCountInString(s) > most:
		return fault.BadField(field, "the text is longer than %d characters; shorten it", most)
	}
	return nil
}
